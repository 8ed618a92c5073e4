DROP TABLE auth.login_attempt;
