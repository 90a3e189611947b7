// Builds into a temporary folder and compares with dist: proof that what is checked in is what the source gives.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const root = fileURLToPath(new URL('..', import.meta.url))
const LIMIT = 150_000

async function files(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const found = new Map()
  for (const entry of entries) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    found.set(relative(folder, path), await readFile(path))
  }
  return found
}

const fresh = await mkdtemp(join(tmpdir(), 'dashboards-'))
try {
  await build({ root, logLevel: 'warn', build: { outDir: fresh, emptyOutDir: true } })
  const [have, want] = [await files(join(root, 'dist')), await files(fresh)]
  const wrong = [...new Set([...have.keys(), ...want.keys()])]
    .sort()
    .flatMap((name) => {
      const [a, b] = [have.get(name), want.get(name)]
      if (a === undefined) return [`missing in dist: ${name}`]
      if (b === undefined) return [`not built any more: ${name}`]
      return a.equals(b) ? [] : [`differs: ${name}`]
    })
  const bytes = [...want.values()].reduce((sum, file) => sum + file.length, 0)
  if (bytes > LIMIT) wrong.push(`${bytes} bytes, more than ${LIMIT}`)
  for (const line of wrong) console.error(line)
  console.log(wrong.length === 0 ? `dist is up to date: ${want.size} files, ${bytes} bytes` : 'dist is not up to date: npm run build')
  process.exitCode = wrong.length === 0 ? 0 : 1
} finally {
  await rm(fresh, { recursive: true, force: true })
}
