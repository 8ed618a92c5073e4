-- People and organizations that change, and sessions that are shown to their people.

-- now() and not the clock: a default that is the same for every row does not rewrite the table.
ALTER TABLE auth.organization
  ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN revision   bigint      NOT NULL DEFAULT 1,
  ADD CONSTRAINT organization_name_check CHECK (name <> '');

ALTER TABLE auth.user
  ADD CONSTRAINT user_display_name_check CHECK (display_name <> '');
CREATE INDEX user_created_at ON auth.user (org_id, created_at, id);

-- The organization's row is the lock: of two admins who take the role from each other, the second waits here. Each
-- statement of the function sees what was committed before it began, so the look that follows sees what the first did.
CREATE FUNCTION auth.guard_last_admin() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM auth.organization WHERE id = OLD.org_id FOR NO KEY UPDATE;
  IF NOT EXISTS (
    SELECT FROM auth.user
    WHERE org_id = OLD.org_id AND id <> OLD.id AND role = 'admin' AND disabled_at IS NULL
  ) THEN
    RAISE EXCEPTION 'an organization keeps an active admin'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'user_last_admin';
  END IF;
  IF TG_OP = 'DELETE' THEN
    RETURN OLD;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER last_admin BEFORE UPDATE OF role, disabled_at ON auth.user
  FOR EACH ROW WHEN (OLD.role = 'admin' AND OLD.disabled_at IS NULL
                     AND (NEW.role <> 'admin' OR NEW.disabled_at IS NOT NULL))
  EXECUTE FUNCTION auth.guard_last_admin();
CREATE TRIGGER last_admin_stays BEFORE DELETE ON auth.user
  FOR EACH ROW WHEN (OLD.role = 'admin' AND OLD.disabled_at IS NULL)
  EXECUTE FUNCTION auth.guard_last_admin();

ALTER TABLE auth.session
  ADD COLUMN address text,
  DROP CONSTRAINT session_end_reason_check,
  ADD CONSTRAINT session_end_reason_check CHECK (end_reason IN
    ('logout', 'reuse', 'revoked', 'disabled', 'password_changed', 'role_changed')) NOT VALID;
ALTER TABLE auth.session VALIDATE CONSTRAINT session_end_reason_check;
