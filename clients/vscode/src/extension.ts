// Starts `eql lsp` and keeps it running with the settings of the workspace.

import { commands, ExtensionContext, window, workspace } from "vscode";
import { LanguageClient, LanguageClientOptions, ServerOptions } from "vscode-languageclient/node";

let client: LanguageClient | undefined;

export async function activate(context: ExtensionContext): Promise<void> {
  context.subscriptions.push(
    commands.registerCommand("eql.restart", restart),
    commands.registerCommand("eql.rereadNames", () => client?.sendRequest("workspace/executeCommand", { command: "eql.readNames", arguments: [] })),
    workspace.onDidChangeConfiguration((change) => (change.affectsConfiguration("eql") ? restart() : undefined)),
  );
  await start();
}

export async function deactivate(): Promise<void> {
  await stop();
}

async function restart(): Promise<void> {
  await stop();
  await start();
}

async function stop(): Promise<void> {
  const running = client;
  client = undefined;
  await running?.stop();
}

async function start(): Promise<void> {
  const server: ServerOptions = { command: setting("path") || "eql", args: serverArguments() };
  const options: LanguageClientOptions = { documentSelector: [{ language: "eql" }] };
  client = new LanguageClient("eql", "EQL", server, options);
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    void window.showErrorMessage(`EQL: \`${server.command}\` does not start: ${error}. Set “eql.path” to the program.`);
  }
}

// A server is asked where both are given: its names are those of now.
function serverArguments(): string[] {
  const [url, data, book] = [setting("url"), setting("data"), setting("book")];
  const place = url ? ["--url", url] : data ? ["--data", data] : [];
  return ["lsp", ...place, ...(book ? ["--book", book] : [])];
}

function setting(name: string): string {
  return workspace.getConfiguration("eql").get<string>(name, "").trim();
}
