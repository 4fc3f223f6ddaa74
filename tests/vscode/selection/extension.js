// The interpreter that is selected is the one of the setting, and `python` means none.
const vscode = require('vscode');

const SETTING = 'python.defaultInterpreterPath';

exports.activate = () => {
  const changed = new vscode.EventEmitter();
  const selected = () => ({ path: vscode.workspace.getConfiguration().get(SETTING) });
  vscode.workspace.onDidChangeConfiguration((event) => {
    if (event.affectsConfiguration(SETTING)) {
      changed.fire(selected());
    }
  });
  const resolved = async ({ path }) =>
    path === 'python' ? undefined : { executable: { uri: vscode.Uri.file(path) } };
  return {
    environments: {
      getActiveEnvironmentPath: selected,
      resolveEnvironment: resolved,
      onDidChangeActiveEnvironmentPath: changed.event,
    },
  };
};
