// The extension: what VS Code starts and stops, and the commands of its palette.

import * as vscode from 'vscode';
import type { Middleware } from 'vscode-languageclient/node';
import { tellMeasured } from './measured';
import { onDidSelect } from './python';
import { Reports } from './report';
import { launcherIn, Server } from './server';
import { SECTION } from './settings';

// The server's own commands; the client makes them known while the server runs.
const PROBE = 'dladvise.probe';
const CANCEL = 'dladvise.cancelProbe';
const REPORT = 'dladvise.showReport';
const EXPLAIN = 'dladvise.explain';

let server: Server | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const reports = new Reports();
  const executed: Middleware['executeCommand'] = async (command, args, next) => {
    const asked = command === REPORT ? [args[0], args[1], { notify: false }] : args;
    const answer = await next(command, asked);
    if (command === REPORT && answer) {
      reports.show(answer);
    } else if (command === PROBE && answer?.status === 0 && made.client !== undefined) {
      void tellMeasured(made.client, reports, [args[0], args[1]], answer.found);
    }
    return answer;
  };
  const made = new Server(launcherIn(context.extensionPath), executed);
  server = made;
  const commands: Record<string, () => unknown> = {
    probeAtCursor: () => atCursor(PROBE),
    showReportAtCursor: () => atCursor(REPORT),
    cancelProbes: () => vscode.commands.executeCommand(CANCEL),
    fixAll: () =>
      vscode.commands.executeCommand('editor.action.sourceAction', {
        kind: 'source.fixAll.dladvise',
        apply: 'first',
      }),
    openRule,
    restartServer: () => made.restart(),
    showOutput: () => made.output.show(),
  };
  for (const [name, run] of Object.entries(commands)) {
    context.subscriptions.push(vscode.commands.registerCommand(`${SECTION}.${name}`, run));
  }
  context.subscriptions.push(
    made,
    reports,
    vscode.workspace.onDidGrantWorkspaceTrust(async () => {
      await made.changed();
      await followSelection(context, made);
    }),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration(`${SECTION}.path`)) {
        void made.restart();
      } else if (event.affectsConfiguration(`${SECTION}.interpreter`)) {
        void made.changed();
      }
    }),
  );
  await made.restart();
  await followSelection(context, made);
}

export function deactivate(): Promise<void> | undefined {
  return server?.stop();
}

async function followSelection(context: vscode.ExtensionContext, made: Server): Promise<void> {
  const listening = await onDidSelect(() => void made.changed());
  if (listening !== undefined) {
    context.subscriptions.push(listening);
  }
}

/** Run a command of the server for the place of the cursor. */
async function atCursor(command: string): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (editor !== undefined) {
    const { line, character } = editor.selection.active;
    const uri = editor.document.uri.toString();
    await vscode.commands.executeCommand(command, uri, { line, character });
  }
}

/** Let the user choose among the rules of the file's findings, those at the cursor first. */
async function openRule(): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined) {
    return;
  }
  const line = editor.selection.active.line;
  const findings = vscode.languages
    .getDiagnostics(editor.document.uri)
    .filter(({ source, code }) => source === SECTION && typeof code === 'object')
    .sort((a, b) => Math.abs(a.range.start.line - line) - Math.abs(b.range.start.line - line));
  const words = new Map(findings.map(({ code, message }) => [codeOf(code), message]));
  const items = [...words].map(([label, description]) => ({ label, description }));
  if (items.length === 0) {
    void vscode.window.showInformationMessage('dladvise has found nothing in this file.');
    return;
  }
  const chosen = items.length === 1 ? items[0] : await vscode.window.showQuickPick(items);
  if (chosen !== undefined) {
    await vscode.commands.executeCommand(EXPLAIN, chosen.label);
  }
}

function codeOf(code: vscode.Diagnostic['code']): string {
  return String(typeof code === 'object' ? code.value : code);
}
