// Reports on measured loaders, a panel for each.

import * as vscode from 'vscode';

/** What the server says of a loader that was measured. */
export interface Found {
  target: { path: string; line: number };
  reason: string;
}

export interface Report {
  html: string;
  found: Found;
}

export class Reports implements vscode.Disposable {
  private readonly panels = new Map<string, vscode.WebviewPanel>();

  /** Show it in the loader's panel, which is opened beside the code where there is none. */
  show({ html, found }: Report): void {
    const name = nameOf(found);
    let panel = this.panels.get(name);
    if (panel === undefined) {
      panel = vscode.window.createWebviewPanel(
        'dladvise.report',
        `DataLoader ${name}`,
        { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true },
        { enableScripts: false, localResourceRoots: [], enableFindWidget: true },
      );
      panel.onDidDispose(() => this.panels.delete(name));
      this.panels.set(name, panel);
    }
    panel.webview.html = html;
    panel.reveal(undefined, true);
  }

  /** Whether the loader has a panel. */
  has(found: Found): boolean {
    return this.panels.has(nameOf(found));
  }

  dispose(): void {
    for (const panel of [...this.panels.values()]) {
      panel.dispose();
    }
  }
}

function nameOf({ target }: Found): string {
  return `${vscode.workspace.asRelativePath(target.path)}:${target.line}`;
}
