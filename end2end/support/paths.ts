// The URLs of src/paths.rs.

export const HOME = '/';
export const LOGIN = '/login';
export const SIGN_UP = '/signup';
export const ACCOUNT = '/account';
export const SESSIONS = '/account/sessions';

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
} as const;
