// What events say was done, in words.
import { m } from "../gen/words/messages";

/** By its name in them. */
export const ACTIONS: Record<string, string> = {
  abort: m.refs_action_abort(),
  accept: m.refs_action_accept(),
  approve: m.refs_action_approve(),
  archive: m.refs_action_archive(),
  authorize: m.refs_action_authorize(),
  cancel: m.refs_action_cancel(),
  change_password: m.refs_action_change_password(),
  claim: m.refs_action_claim(),
  complete: m.refs_action_complete(),
  create: m.refs_action_create(),
  delete: m.refs_action_delete(),
  disable: m.refs_action_disable(),
  dispose: m.refs_action_dispose(),
  enable: m.refs_action_enable(),
  fail: m.refs_action_fail(),
  hold: m.refs_action_hold(),
  login: m.refs_action_login(),
  logout: m.refs_action_logout(),
  move: m.refs_action_move(),
  pause: m.refs_action_pause(),
  quarantine: m.refs_action_quarantine(),
  refresh: m.refs_action_refresh(),
  refuse: m.refs_action_refuse(),
  reject: m.refs_action_reject(),
  release: m.refs_action_release(),
  release_from_quarantine: m.refs_action_release_from_quarantine(),
  reset_password: m.refs_action_reset_password(),
  resume: m.refs_action_resume(),
  retire: m.refs_action_retire(),
  return_to_service: m.refs_action_return_to_service(),
  reuse: m.refs_action_reuse(),
  revoke: m.refs_action_revoke(),
  start: m.refs_action_start(),
  submit: m.refs_action_submit(),
  take_out_of_service: m.refs_action_take_out_of_service(),
  unarchive: m.refs_action_unarchive(),
  undelete: m.refs_action_undelete(),
  update: m.refs_action_update(),
};

/** A newer server may do what this page does not know. */
export const actionName = (action: string): string => ACTIONS[action] ?? action.replaceAll("_", " ");
