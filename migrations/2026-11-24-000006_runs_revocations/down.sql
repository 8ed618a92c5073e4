DROP TABLE runs.event_cursor;
DROP TABLE runs.revocation;
