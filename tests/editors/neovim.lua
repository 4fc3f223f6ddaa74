-- A user of Neovim, 0.7 or newer: advice on a script, a quick fix, a measurement, and the end.
--
-- What is seen goes to $EVENTS, one JSON object a line; $SCRIPT is edited. Nothing is judged
-- here: sessions.py does.

local WAIT_MS = 20000
local MEASURE_MS = 60000

local RECENT = vim.fn.has('nvim-0.11') == 1

local buffer, client_id
local events = assert(io.open(vim.env.EVENTS, 'a'))
local progress = {} -- values of $/progress
local token -- of the latest measurement
local asked -- the server's latest question
local offered -- the titles of the latest choice
local preferred -- that of the code action which the server prefers
local wanted -- how the title to choose begins

local function tell(step, seen)
  seen.step = step
  events:write(vim.json.encode(seen) .. '\n')
  events:flush()
end

local function wait(what, is_so, ms)
  if not vim.wait(ms or WAIT_MS, is_so, 10) then
    error('waited in vain for ' .. what, 2)
  end
end

-- The user's choices

local function chosen(titles)
  offered = titles
  for index, title in ipairs(titles) do
    if vim.startswith(title, wanted) then
      return index
    end
  end
end

vim.ui.select = function(items, options, on_choice)
  if options.kind == 'lsp_message' then
    asked = options.prompt
  end
  local titles = vim.tbl_map(options.format_item or tostring, items)
  preferred = nil
  for index, item in ipairs(items) do
    if item.action and item.action.isPreferred then
      preferred = titles[index]
    end
  end
  local index = chosen(titles)
  on_choice(items[index], index)
end

vim.fn.inputlist = function(lines) -- where older versions show a question
  asked = lines[1]
  local titles = {}
  for index = 3, #lines do
    titles[index - 2] = lines[index]:gsub('^%d+%. ', '')
  end
  return chosen(titles) or 0
end

local show_progress = vim.lsp.handlers['$/progress']
vim.lsp.handlers['$/progress'] = function(problem, params, ...)
  token = params.token
  table.insert(progress, params.value)
  return show_progress(problem, params, ...)
end

-- The editor and the server

local function start() -- what starts it is editors/neovim/dladvise.lua
  vim.cmd('edit ' .. vim.env.SCRIPT)
  buffer = vim.api.nvim_get_current_buf()
  wait('the client', function()
    local clients = (RECENT and vim.lsp.get_clients or vim.lsp.buf_get_clients)(
      RECENT and { bufnr = buffer } or buffer
    )
    local _, client = next(clients)
    client_id = client and client.id
    return client_id ~= nil and client.initialized
  end)
end

local function request(method, params, on_answer)
  local client = vim.lsp.get_client_by_id(client_id)
  if RECENT then
    client:request(method, params, on_answer, buffer)
  else
    client.request(method, params, on_answer, buffer)
  end
end

local function notify(method, params)
  local client = vim.lsp.get_client_by_id(client_id)
  if RECENT then
    client:notify(method, params)
  else
    client.notify(method, params)
  end
end

-- What is on the screen

local function text_of(line)
  return vim.fn.getline(line)
end

local function line_of(text)
  return vim.fn.search('\\V' .. vim.fn.escape(text, '\\'), 'cnw')
end

local function problems()
  return vim.tbl_map(function(one)
    return {
      code = one.code,
      line = one.lnum + 1,
      column = one.col,
      text = text_of(one.lnum + 1):sub(one.col + 1, one.end_col),
      message = one.message,
    }
  end, vim.diagnostic.get(buffer))
end

local function has_problem(code)
  return function()
    return vim.tbl_contains(
      vim.tbl_map(function(one) return one.code end, problems()),
      code
    )
  end
end

local function no_problems()
  return #problems() == 0
end

local function to(text)
  local line = line_of(text)
  local column = text_of(line):find(text, 1, true) - 1
  vim.api.nvim_win_set_cursor(0, { line, column })
  return line
end

local function choose(title, text)
  wanted, offered = title, nil
  local line = to(text)
  local before = text_of(line)
  vim.lsp.buf.code_action()
  wait('the edit of ' .. title, function()
    return offered ~= nil and text_of(line) ~= before
  end)
  return text_of(line)
end

local function hovered(text)
  to(text)
  vim.lsp.buf.hover()
  local shown
  wait('a hover', function()
    for _, window in ipairs(vim.api.nvim_list_wins()) do
      if vim.api.nvim_win_get_config(window).relative ~= '' then
        shown = window
      end
    end
    return shown ~= nil
  end)
  local lines = vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(shown), 0, -1, false)
  vim.api.nvim_win_close(shown, true)
  return table.concat(lines, '\n')
end

-- The titles of the lenses, and the inlay hints; nothing in old versions, which show none.
local function lenses()
  if not RECENT then
    return nil
  end
  local answer
  request('textDocument/codeLens', { textDocument = { uri = vim.uri_from_bufnr(buffer) } },
    function(_, found) answer = found end)
  wait('the lenses', function() return answer ~= nil end)
  return vim.tbl_map(function(one) return one.command.title end, answer)
end

-- What the plugin shows above the loader, without having been asked.
local function displayed()
  if not RECENT then
    return nil
  end
  wait('a lens on the screen', function() return #vim.lsp.codelens.get(buffer) > 0 end)
  return vim.tbl_map(function(one) return one.command.title end, vim.lsp.codelens.get(buffer))
end

local function hints()
  if not RECENT then
    return nil
  end
  local shown
  wait('an inlay hint', function()
    shown = vim.lsp.inlay_hint.get({ bufnr = buffer })
    return #shown > 0
  end)
  return vim.tbl_map(function(one) return one.inlay_hint.label end, shown)
end

-- Measurements

local function measurement()
  local run = {}
  to('DataLoader(ds')
  local encoding = vim.lsp.get_client_by_id(client_id).offset_encoding
  local place = vim.lsp.util.make_position_params(0, encoding)
  progress, wanted = {}, 'Run'
  request('workspace/executeCommand', {
    command = 'dladvise.probe',
    arguments = { place.textDocument.uri, place.position },
  }, function(problem, result)
    run.problem, run.result = problem, result
  end)
  return run
end

local function told()
  local words = {}
  for _, value in ipairs(progress) do
    table.insert(words, value.message)
  end
  return words
end

local function is_told(beginning)
  return function()
    for _, words in ipairs(told()) do
      if vim.startswith(words, beginning) then
        return true
      end
    end
    return false
  end
end

local function result_of(run, ms)
  wait('the result of a measurement', function() return run.problem or run.result end, ms)
  if run.problem then
    error('the measurement was answered with ' .. vim.inspect(run.problem))
  end
  return run.result
end

local function session()
  start()
  wait('DL003', has_problem('DL003'))
  local line = line_of('loader = DataLoader(')
  tell('opened', { problems = problems() })

  local fixed = choose('Remove persistent_workers', 'persistent_workers')
  wait('the problem to go', no_problems)
  tell('fixed', { line = fixed, preferred = preferred })
  vim.cmd('undo')
  wait('the problem to come back', has_problem('DL003'))
  tell('undone', { line = text_of(line), problems = problems() })

  to('class Slow')
  vim.api.nvim_feedkeys('Oweights = max(0.1, ', 'tx', false)
  wait('the problem to move', function()
    return #problems() > 0 and problems()[1].line == line + 1
  end)
  tell('typed', { line = text_of(line_of('weights = max')), problems = problems() })
  vim.cmd('undo')

  choose('Remove persistent_workers', 'persistent_workers')
  tell('hovered', { text = hovered('DataLoader(ds') })

  local before, on_screen = lenses(), displayed()
  local run = measurement()
  local result = result_of(run, MEASURE_MS)
  wait('what was measured', has_problem('measured'))
  tell('measured', {
    asked = asked,
    answers = offered,
    told = told(),
    progress = vim.tbl_map(function(one) return one.kind end, progress),
    result = result,
    problems = problems(),
  })
  tell('shown', { on_screen = on_screen, before = before, after = lenses(), hints = hints() })
  tell('written', { line = choose('Write the measured ', 'DataLoader(ds'), offered = offered })

  to('time.sleep')
  vim.cmd([[substitute/0\.005/0.006/]])
  run = measurement()
  wait('a second measurement', is_told('num_workers=0'), MEASURE_MS)
  local running = lenses()
  notify('window/workDoneProgress/cancel', { token = token })
  tell('cancelled', { result = result_of(run), lenses = running, told = told() })

  measurement()
  wait('workers', is_told('num_workers=1'), MEASURE_MS)
  tell('measuring', {})
  wait('somebody to look', function() return vim.fn.filereadable(vim.env.EVENTS .. '.seen') == 1 end)
end

local done, problem = xpcall(session, debug.traceback)
if not done then
  tell('failed', { why = problem, problems = problems(), told = told() })
end
vim.cmd(done and 'qall!' or 'cquit 1')
