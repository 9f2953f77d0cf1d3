declare module 'safety-catch' {
  export default function safetyCatch(error: unknown): void
}
