-- What a person signed in with, as it names itself, so that they know their sessions apart.
ALTER TABLE auth.session
  ADD COLUMN user_agent text,
  ADD CONSTRAINT session_user_agent_check CHECK (char_length(user_agent) BETWEEN 1 AND 200) NOT VALID;
ALTER TABLE auth.session VALIDATE CONSTRAINT session_user_agent_check;
