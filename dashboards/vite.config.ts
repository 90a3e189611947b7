import { defineConfig, loadEnv } from 'vite'

// Addresses in the built page are relative, so it works below any path that the program serves it from.
// `EVENKEEL_URL` is for `npm run dev` only: a running program that answers what the page asks.
export default defineConfig(({ mode }) => {
  const target = loadEnv(mode, '.', 'EVENKEEL_')['EVENKEEL_URL'] ?? 'http://127.0.0.1:8080'
  return {
    base: './',
    clearScreen: false,
    build: {
      target: 'es2022',
      outDir: 'dist',
      emptyOutDir: true,
      assetsInlineLimit: 0,
      modulePreload: false,
      reportCompressedSize: false,
    },
    server: { proxy: { '/api': target, '/metrics': target, '/healthz': target } },
  }
})
