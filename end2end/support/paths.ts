// Written from src/paths.rs; tests/http/access.rs compares them.

export const HOME = '/';
export const LOGIN = '/login';
export const SIGN_UP = '/signup';
export const ACCOUNT = '/account';
export const SESSIONS = '/account/sessions';
export const NOTES = '/notes';

export const api = {
  login: '/api/session/login',
  refresh: '/api/session/refresh',
  logout: '/api/session/logout',
  current: '/api/session/current',
  signUp: '/api/account/sign_up',
  changeDisplayName: '/api/account/change_display_name',
  ratePassword: '/api/account/rate_password',
  listSessions: '/api/account/sessions',
  endSession: '/api/account/end_session',
  endOtherSessions: '/api/account/end_other_sessions',
  listReuses: '/api/account/reuses',
  dismissReuse: '/api/account/dismiss_reuse',
  addNote: '/api/note/add',
  changeNote: '/api/note/change',
  deleteNote: '/api/note/delete',
} as const;

export const oauth = {
  token: '/oauth/token',
  revoke: '/oauth/revoke',
  introspect: '/oauth/introspect',
  jwks: '/.well-known/jwks.json',
  metadata: '/.well-known/oauth-authorization-server',
} as const;

export const health = {
  live: '/health/live',
  ready: '/health/ready',
} as const;

/** Below the gateway. */
export const upstreams = {
  notes: '/api/notes',
  changes: '/api/notes/changes',
} as const;
