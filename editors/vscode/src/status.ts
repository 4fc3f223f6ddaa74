// The state of the server, where an editor shows that of a language.

import * as vscode from 'vscode';
import type { DocumentSelector } from 'vscode-languageclient/node';

export class Status implements vscode.Disposable {
  private readonly item: vscode.LanguageStatusItem;

  constructor(selector: DocumentSelector) {
    this.item = vscode.languages.createLanguageStatusItem(
      'dladvise',
      selector as vscode.DocumentSelector,
    );
    this.item.name = 'dladvise';
    this.item.command = { command: 'dladvise.showOutput', title: 'Show output' };
  }

  starting(): void {
    this.is('dladvise', 'starting');
    this.item.busy = true;
  }

  /** It runs; `detail` says what with. */
  running(version: string, detail: string): void {
    this.is(`dladvise ${version}`, detail);
  }

  stopped(why: string): void {
    this.is('dladvise has stopped', why);
    this.item.severity = vscode.LanguageStatusSeverity.Error;
  }

  dispose(): void {
    this.item.dispose();
  }

  private is(text: string, detail: string): void {
    this.item.text = text;
    this.item.detail = detail;
    this.item.busy = false;
    this.item.severity = vscode.LanguageStatusSeverity.Information;
  }
}
