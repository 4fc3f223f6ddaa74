// What the server is told of the settings: those that somebody has set.

import * as vscode from 'vscode';
import { selected } from './python';

export const SECTION = 'dladvise';
// these are for the extension
const OURS = new Set(['path', 'interpreter', 'trace.server']);

/**
 * The settings for a folder, as the server takes them.
 *
 * Defaults are left out: the project's own configuration holds over them.
 */
export async function settings(folder?: vscode.Uri): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = { trusted: vscode.workspace.isTrusted };
  const configuration = vscode.workspace.getConfiguration(SECTION, folder);
  for (const name of contributed()) {
    const value = configuration.inspect(name);
    const isSet = [value?.globalValue, value?.workspaceValue, value?.workspaceFolderValue];
    if (!OURS.has(name) && isSet.some((one) => one !== undefined)) {
      found[name] = configuration.get(name);
    }
  }
  const interpreter = configuration.get<string>('interpreter');
  if (interpreter) {
    found['probe.interpreter'] = interpreter;
  } else {
    found['interpreter'] = (await selected(folder)) ?? null;
  }
  return found;
}

function contributed(): string[] {
  const manifest = vscode.extensions.getExtension('dladvise.dladvise')?.packageJSON;
  const sections: { properties: object }[] = manifest.contributes.configuration;
  const names = sections.flatMap(({ properties }) => Object.keys(properties));
  return names.map((name) => name.slice(SECTION.length + 1));
}
