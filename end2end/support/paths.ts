// The URLs of src/paths.rs.

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
  addNote: '/api/note/add',
  changeNote: '/api/note/change',
  deleteNote: '/api/note/delete',
} as const;

/** Of the service behind. */
export const services = {
  notes: '/api/notes',
  changes: '/api/notes/changes',
} as const;
