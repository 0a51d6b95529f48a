/** What every page has: the theme switch and the token for requests. */
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
