-- dladvise in Neovim, from 0.7 on: this file as ~/.config/nvim/plugin/dladvise.lua is enough.
-- Settings of the server may stand in vim.g.dladvise, as { probe = { seconds = 30 } }.

local config = {
  name = 'dladvise',
  cmd = { 'dladvise', 'server' },
  filetypes = { 'python' },
  root_markers = { 'pyproject.toml', '.git' },
  init_options = vim.g.dladvise or vim.empty_dict(),
}

if vim.fn.has('nvim-0.11') == 0 then
  local client_ids = {} -- by root

  local function root_of(buffer)
    local folder = vim.fn.fnamemodify(vim.api.nvim_buf_get_name(buffer), ':p:h')
    local project = vim.fn.findfile('pyproject.toml', vim.fn.escape(folder, ' ') .. ';')
    return project == '' and folder or vim.fn.fnamemodify(project, ':p:h')
  end

  vim.api.nvim_create_autocmd('FileType', {
    pattern = config.filetypes,
    callback = function(event)
      local root = root_of(event.buf)
      if not vim.lsp.get_client_by_id(client_ids[root] or -1) then
        client_ids[root] = vim.lsp.start_client(
          vim.tbl_extend('force', config, { root_dir = root })
        )
      end
      vim.lsp.buf_attach_client(event.buf, client_ids[root])
    end,
  })
  return
end

vim.api.nvim_create_autocmd('LspAttach', {
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client == nil or client.name ~= config.name then
      return
    end
    -- the hint of what was measured, and the lens that measures: vim.lsp.codelens.run()
    vim.lsp.inlay_hint.enable(true, { bufnr = event.buf })
    vim.api.nvim_create_autocmd({ 'BufEnter', 'InsertLeave', 'TextChanged', 'LspNotify' }, {
      buffer = event.buf,
      callback = function() vim.lsp.codelens.refresh({ bufnr = event.buf }) end,
    })
  end,
})
vim.lsp.config(config.name, config)
vim.lsp.enable(config.name)
