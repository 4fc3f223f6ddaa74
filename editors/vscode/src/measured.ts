// What a user can do when a measurement has ended.

import * as vscode from 'vscode';
import {
  type CodeAction,
  CodeActionRequest,
  CodeActionTriggerKind,
  type LanguageClient,
  type Position,
} from 'vscode-languageclient/node';
import type { Found, Reports } from './report';

const WRITE = 'Write';
const SHOW = 'Show report';
const TITLE = 'Write the measured '; // the server's quick fix that does so begins with this

/** Tell the answer, and offer to write it and to show how it was found. */
export async function tellMeasured(
  client: LanguageClient,
  reports: Reports,
  [uri, position]: [string, Position],
  found: Found,
): Promise<void> {
  if (reports.has(found)) {
    await vscode.commands.executeCommand('dladvise.showReport', uri, position);
  }
  const action = await writing(client, uri, position);
  const hint = action?.disabled ? ` ${action.disabled.reason}.` : '';
  const choices = action?.edit ? [WRITE, SHOW] : [SHOW];
  const chosen = await vscode.window.showInformationMessage(found.reason + hint, ...choices);
  if (chosen === SHOW) {
    await vscode.commands.executeCommand('dladvise.showReport', uri, position);
  } else if (chosen === WRITE) {
    await write(client, uri, position);
  }
}

async function write(client: LanguageClient, uri: string, position: Position): Promise<void> {
  // asked for again: the text may be another one by now
  const edit = (await writing(client, uri, position))?.edit;
  if (edit === undefined) {
    void vscode.window.showWarningMessage('The code was changed since. Measure again.');
    return;
  }
  await vscode.workspace.applyEdit(await client.protocol2CodeConverter.asWorkspaceEdit(edit));
}

/** The quick fix that writes what was measured; undefined where there is nothing to write. */
async function writing(
  client: LanguageClient,
  uri: string,
  position: Position,
): Promise<CodeAction | undefined> {
  const answer = await client.sendRequest(CodeActionRequest.type, {
    textDocument: { uri },
    range: { start: position, end: position },
    context: { diagnostics: [], triggerKind: CodeActionTriggerKind.Invoked },
  });
  const actions = (answer ?? []) as CodeAction[];
  return actions.find(({ title }) => title.startsWith(TITLE));
}
