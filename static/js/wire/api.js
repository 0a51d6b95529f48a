/** The JSON API: one function, and one error for every refusal. */
const TIMEOUT_MS = 20_000

/** A refusal in the server's words, or `offline` when it could not be asked. */
export class Refused extends Error {
  /** @param {number} status @param {Record<string, any>} problem */
  constructor(status, problem) {
    super(problem.detail || problem.title || problem.code)
    this.status = status
    /** @type {string} */
    this.code = problem.code ?? 'unknown'
    /** @type {string} */
    this.title = problem.title ?? ''
    /** @type {Record<string, any>} */
    this.fields = problem
  }
}

/** The token every changing request carries beside the cookie; changes on log-in. */
export const csrf = { token: '' }

/**
 * @param {string} method @param {string} path
 * @param {{ body?: unknown, key?: string, keepalive?: boolean }} [options] `key`: Idempotency-Key
 * @returns {Promise<any>} the decoded answer, or null if it has no body
 */
export async function call(method, path, { body, key, keepalive } = {}) {
  /** @type {Record<string, string>} */
  const headers = { Accept: 'application/json' }
  if (method !== 'GET') headers['X-CSRF-Token'] = csrf.token
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  if (key) headers['Idempotency-Key'] = key
  const response = await ask(path, {
    method,
    headers,
    keepalive,
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  const text = await response.text()
  const answer = text && response.headers.get('content-type')?.includes('json')
    ? JSON.parse(text) : null
  if (!response.ok) throw new Refused(response.status, answer ?? { code: `http_${response.status}` })
  return answer
}

/** @param {string} path @param {RequestInit} request */
async function ask(path, request) {
  try {
    return await fetch(path, request)
  } catch {
    throw new Refused(0, { code: 'offline' })
  }
}
