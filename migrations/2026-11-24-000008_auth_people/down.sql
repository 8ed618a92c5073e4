-- FORCE row security binds the owner too: each organization in turn.
DO $$
DECLARE
  organization_id uuid;
BEGIN
  FOR organization_id IN SELECT id FROM auth.organization LOOP
    PERFORM set_config('app.org_id', organization_id::text, true);
    UPDATE auth.session SET end_reason = 'revoked'
      WHERE org_id = organization_id AND end_reason IN ('password_changed', 'role_changed');
  END LOOP;
END $$;
ALTER TABLE auth.session
  DROP CONSTRAINT session_end_reason_check,
  ADD CONSTRAINT session_end_reason_check CHECK (end_reason IN ('logout', 'reuse', 'revoked', 'disabled')),
  DROP COLUMN address;

DROP TRIGGER last_admin_stays ON auth.user;
DROP TRIGGER last_admin ON auth.user;
DROP FUNCTION auth.guard_last_admin();
DROP INDEX auth.user_created_at;
ALTER TABLE auth.user DROP CONSTRAINT user_display_name_check;

ALTER TABLE auth.organization
  DROP CONSTRAINT organization_name_check,
  DROP COLUMN revision,
  DROP COLUMN updated_at;
