import { defineConfig } from 'vite'

// One entry for each page that has a script; the pages find the built files by the manifest.
export default defineConfig({
  base: './',
  publicDir: false,
  build: {
    outDir: '../transfer/http/static/dist',
    emptyOutDir: true,
    manifest: true,
    target: 'es2022',
    assetsInlineLimit: 0, // no data: URLs, so that the content security policy needs none
    modulePreload: { polyfill: false }, // it would be an inline script
    rollupOptions: {
      input: {
        site: 'src/site.ts',
        upload: 'src/upload.ts',
        files: 'src/files.ts',
        account: 'src/account.ts',
        preview: 'src/preview.ts',
        'self-test': 'src/self-test.ts',
      },
    },
  },
  worker: { format: 'es' },
})
