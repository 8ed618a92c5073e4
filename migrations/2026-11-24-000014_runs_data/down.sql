DROP TABLE runs.data_chunk;
DROP FUNCTION runs.append_data_chunk();
