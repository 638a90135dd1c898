/** The open JSON-RPC port of an execution client on this machine, as test networks use it. */
import { CressetError } from "../base/errors.ts";

const TIMEOUT_MS = 10_000;

export class ExecutionRpcError extends CressetError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("EXECUTION_RPC", message, options);
  }
}

/** @throws ExecutionRpcError with the client's words */
export async function callExecution(url: string, method: string, params: readonly unknown[]): Promise<unknown> {
  let answer: { result?: unknown; error?: { code?: number; message?: string } };
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    answer = (await response.json()) as typeof answer;
  } catch (error) {
    const { message, cause } = error as Error;
    const reason = cause instanceof Error ? cause.message : message;
    throw new ExecutionRpcError(`${method} at ${url}: ${reason}`, { cause: error });
  }
  if (answer.error) throw new ExecutionRpcError(`${method} at ${url}: ${answer.error.message ?? answer.error.code}`);
  return answer.result;
}
