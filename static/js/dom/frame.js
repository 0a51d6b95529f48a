/** What every page has: the theme switch, the demo's bar, the token for requests. */
import { facts } from '../facts.js'
import { csrf } from '../wire/api.js'

const YEAR_S = 31_536_000

csrf.token = facts.csrf ?? ''

for (const button of document.querySelectorAll('[data-theme-switch]')) {
  button.addEventListener('click', () => {
    const root = document.documentElement
    const isDark = getComputedStyle(root).colorScheme.startsWith('dark')
    root.dataset.theme = isDark ? 'light' : 'dark'
    document.cookie = `ovation_theme=${root.dataset.theme}; path=/; max-age=${YEAR_S}; samesite=lax`
  })
}

for (const button of document.querySelectorAll('[data-become]')) {
  const who = /** @type {HTMLElement} */ (button).dataset.become
  button.addEventListener('click', async () => {
    const response = await fetch(`/demo/become/${who}`, { method: 'POST', headers: { 'X-CSRF-Token': csrf.token } })
    const goal = response.redirected ? response.url : (await response.json().catch(() => ({}))).go
    location.assign(goal ?? location.href)
  })
}
