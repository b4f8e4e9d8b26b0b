export const SECRET_KEY = 'a secret key that only the tests use'
