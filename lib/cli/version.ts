/** Version of both programs; `test/public.test.ts` holds it equal to package.json. */
export const VERSION = '0.2.0'
