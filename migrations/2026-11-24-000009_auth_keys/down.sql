DROP TRIGGER session_ended ON auth.session;
DROP FUNCTION auth.session_ended();
DROP TABLE auth.revocation;
DROP TABLE auth.signing_key;
