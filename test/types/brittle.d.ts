declare module 'brittle' {
  export interface TestContext {
    is(actual: unknown, expected: unknown, message?: string): void
    not(actual: unknown, expected: unknown, message?: string): void
    alike(actual: unknown, expected: unknown, message?: string): void
    unlike(actual: unknown, expected: unknown, message?: string): void
    ok(value: unknown, message?: string): void
    absent(value: unknown, message?: string): void
    pass(message?: string): void
    fail(message?: string): void
    exception(
      fn: Promise<unknown> | (() => unknown),
      expected?: unknown,
      message?: string
    ): Promise<void>
    execution(fn: Promise<unknown> | (() => unknown), message?: string): Promise<void>
    plan(count: number): void
    comment(...message: unknown[]): void
    teardown(fn: () => unknown, options?: { order?: number }): void
    timeout(ms: number): void
    /** A folder that is removed at the end of the test. */
    tmp(): Promise<string>
    end(): void
  }
  export interface TestOptions {
    readonly timeout?: number
    readonly skip?: boolean
  }
  type TestBody = (t: TestContext) => unknown
  /** Declared as void: brittle collects tests by itself, nobody awaits them. */
  export default function test(name: string, fn: TestBody): void
  export default function test(name: string, options: TestOptions, fn: TestBody): void
}

declare module '@hyperswarm/testnet' {
  interface Testnet {
    readonly bootstrap: readonly { readonly host: string; readonly port: number }[]
    readonly nodes: readonly unknown[]
    createNode(options?: object): unknown
    destroy(): Promise<void>
  }
  export default function createTestnet(size?: number, options?: object): Promise<Testnet>
}
