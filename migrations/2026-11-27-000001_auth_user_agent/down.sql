ALTER TABLE auth.session DROP COLUMN user_agent;
