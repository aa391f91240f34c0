-- The read store's functions: the only code that writes it. services/designs/0002-read-store.md has the layout
-- and why it is so. function-library.ts puts the shebang and `local suffix` (a hash of this file) in front.
--
-- User JSON is never decoded here: cjson would turn large integers into doubles and [] into {}. It is
-- concatenated. What cjson does decode is ours and holds strings and booleans only.
--
-- A document is stored as three lines, "<version><digest>\n<json>\n<root bytes> <trailer>"; the projector sees to it
-- that no JSON holds a line break. Of a deleted root only the first line is left, so that no duplicate revives it.
--   version     of the root, decimal; digest is "-" and 16 hex digits of the JSON when parts are shown in it
--   root bytes  of the root's own JSON, with which the document's begins but for its last brace; '' without parts
--   trailer     JSON [[lookup ids], [index, member, index, member, …]]: what the root says about other keys

local operation_length = 5

-- Every field is there from the start, because Lua makes a table anew when it grows.
local function document_parse(key, raw)
  local tag, version = '0', 0
  if raw then
    tag = string.match(raw, '^[^\n]+')
    version = tonumber(tag) or tonumber(string.match(tag, '^%d+'))
  end
  return {
    key = key, raw = raw, tag = tag, version = version, version_text = false,
    touched = false, root_changed = false, root = false, trailer = false,
  }
end

-- The stored JSON, root and trailer; nil and '' when there is no root.
local function document_content(document)
  local raw, json_start = document.raw, #document.tag + 2
  local json_end = raw and string.find(raw, '\n', json_start, true)
  if not json_end then return nil, nil, '' end
  local json = string.sub(raw, json_start, json_end - 1)
  local _, last_start, root_bytes = string.find(raw, '^(%d*) ', json_end + 1)
  local root = root_bytes == '' and json or string.sub(json, 1, tonumber(root_bytes) - 1) .. '}'
  return json, root, string.sub(raw, last_start + 1)
end

-- Most changes leave a document where it is in its indexes: seen without cutting the stored one apart.
local function has_trailer(document, trailer)
  local raw = document.raw
  return raw and string.sub(raw, -#trailer - 1) == ' ' .. trailer
end

local function versioned_parse(raw)
  if not raw then return 0, '' end
  local _, version_end, version = string.find(raw, '^(%d+) ')
  return tonumber(version), string.sub(raw, version_end + 1), version
end

-- Lua's own `<` on strings asks the server's locale; part ids must have one order everywhere.
local function bytes_before(left, right)
  for i = 1, math.min(#left, #right) do
    local a, b = string.byte(left, i), string.byte(right, i)
    if a ~= b then return a < b end
  end
  return #left < #right
end

local function join_members(object, members)
  if #members == 0 then return object end
  local open = string.sub(object, 1, -2)
  return open .. (open == '{' and '' or ',') .. table.concat(members, ',') .. '}'
end

-- positions --------------------------------------------------------------------------------------------------

local function position_parse(raw)
  if not raw then return '', '', '' end
  return string.match(raw, '^(%S+) (%d*) (%d*)$')
end

-- KEYS positions; ARGV topic-partition, lease. Whoever acquired last holds the partition. Returns the position.
local function acquire(keys, args)
  local _, offset, lsn = position_parse(redis.call('HGET', keys[1], args[1]))
  redis.call('HSET', keys[1], args[1], args[2] .. ' ' .. offset .. ' ' .. lsn)
  return { offset, lsn }
end

-- apply, first half: read and judge. Nothing is written before every operation has passed. ---------------------

local function changed_document(changes, id)
  local document = changes.documents[id]
  if not document then
    local key = changes.prefix .. 'doc:' .. id
    document = document_parse(key, redis.call('GET', key))
    changes.documents[id] = document
  end
  return document
end

local function touch(changes, id, document)
  if not document.touched then
    document.touched = true
    changes.touched[#changes.touched + 1] = id
  end
end

-- One MGET instead of a GET for each root.
local function fetch_roots(changes, args)
  local ids, keys, prefix = {}, {}, changes.prefix .. 'doc:'
  for first = 7, #args, operation_length do
    if changes.sources[args[first]].role == 'root' then
      ids[#ids + 1] = args[first + 1]
      keys[#keys + 1] = prefix .. args[first + 1]
    end
  end
  if #keys == 0 then return end
  local raws = redis.call('MGET', unpack(keys))
  for i, id in ipairs(ids) do
    changes.documents[id] = changes.documents[id] or document_parse(keys[i], raws[i])
  end
end

local function judge(source, known, version)
  if version <= known then return 'duplicate' end
  if source.gapless and version ~= known + 1 then return 'gap' end
  return 'next'
end

-- Each takes the operation's id, version as text, JSON and detail, and returns a verdict and the known version.
local judge_operation = {}

function judge_operation.root(changes, source, id, version_text, json, detail)
  local document, version = changed_document(changes, id), tonumber(version_text)
  local verdict = judge(source, document.version, version)
  if verdict ~= 'next' then return verdict, document.version end
  touch(changes, id, document)
  document.version, document.version_text = version, version_text
  document.root_changed, document.root, document.trailer = true, json ~= '' and json, detail
  return verdict
end

function judge_operation.part(changes, source, id, version_text, json, detail)
  local field, version = source.number .. ' ' .. id, tonumber(version_text)
  local part = changes.refs[field]
  if not part then
    part = { key = changes.prefix .. 'ref:' .. source.number, id = id }
    part.version, part.document = versioned_parse(redis.call('HGET', part.key, id))
    changes.refs[field] = part
  end
  local verdict = judge(source, part.version, version)
  if verdict ~= 'next' then return verdict, part.version end
  local target = json ~= '' and detail or ''
  if part.document ~= '' and part.document ~= target then
    touch(changes, part.document, changed_document(changes, part.document))
    changes.parts[#changes.parts + 1] = { document = part.document, field = field }
  end
  if target ~= '' then
    touch(changes, target, changed_document(changes, target))
    changes.parts[#changes.parts + 1] = { document = target, field = field, json = json }
  end
  part.version, part.version_text, part.document = version, version_text, target
  return verdict
end

function judge_operation.lookup(changes, source, id, version_text, json)
  local field, version = source.number .. ' ' .. id, tonumber(version_text)
  local lookup = changes.lookups[field]
  if not lookup then
    lookup = { key = changes.prefix .. 'lookup:' .. source.number, id = id }
    lookup.version = versioned_parse(redis.call('HGET', lookup.key, id))
    changes.lookups[field] = lookup
  end
  local verdict = judge(source, lookup.version, version)
  if verdict ~= 'next' then return verdict, lookup.version end
  lookup.version, lookup.version_text, lookup.json = version, version_text, json
  return verdict
end

-- apply, second half: write. ---------------------------------------------------------------------------------

local function part_members(view, parts_key)
  local flat = redis.call('HGETALL', parts_key)
  local ids, jsons = {}, {}
  for i = 1, #flat, 2 do
    local number, id = string.match(flat[i], '^(%d+) (.*)$')
    ids[number] = ids[number] or {}
    table.insert(ids[number], id)
    jsons[flat[i]] = flat[i + 1]
  end
  local members = {}
  for _, source in ipairs(view.sources) do
    if source.role == 'part' then
      local list = ids[source.number] or {}
      table.sort(list, bytes_before)
      for i, id in ipairs(list) do list[i] = jsons[source.number .. ' ' .. id] end
      local shown = source.many and '[' .. table.concat(list, ',') .. ']' or list[1] or 'null'
      members[#members + 1] = source.as .. ':' .. shown
    end
  end
  return members
end

local function index_members(trailer)
  if trailer == '' then return {} end
  return cjson.decode(trailer)[2]
end

local function move_in_indexes(prefix, document, trailer)
  if has_trailer(document, trailer) then return end
  local _, _, stored = document_content(document)
  local before, after, kept = index_members(stored), index_members(trailer), {}
  for i = 1, #after, 2 do
    kept[after[i]] = after[i + 1]
    redis.call('ZADD', prefix .. 'index:' .. after[i], 0, after[i + 1])
  end
  for i = 1, #before, 2 do
    if kept[before[i]] ~= before[i + 1] then
      redis.call('ZREM', prefix .. 'index:' .. before[i], before[i + 1])
    end
  end
end

local function write_document(changes, id)
  local document = changes.documents[id]
  local version_text, root, trailer = document.version_text, document.root, document.trailer
  if not document.root_changed then
    local _, stored_root, stored_trailer = document_content(document)
    version_text, root, trailer = string.match(document.tag, '^%d+'), stored_root, stored_trailer
    -- Parts of a root that is not there wait for it.
    if not root then return end
  end
  if not root then
    redis.call('SET', document.key, version_text .. '\n')
  elseif changes.view.has_parts then
    local json = join_members(root, part_members(changes.view, changes.prefix .. 'parts:' .. id))
    local digest = '-' .. string.sub(redis.sha1hex(json), 1, 16)
    redis.call('SET', document.key, version_text .. digest .. '\n' .. json .. '\n' .. #root .. ' ' .. trailer)
  else
    redis.call('SET', document.key, version_text .. '\n' .. root .. '\n ' .. trailer)
  end
  if document.root_changed then move_in_indexes(changes.prefix, document, trailer) end
end

local function write(changes)
  for _, part in pairs(changes.refs) do
    if part.version_text then
      redis.call('HSET', part.key, part.id, part.version_text .. ' ' .. part.document)
    end
  end
  for _, lookup in pairs(changes.lookups) do
    if lookup.version_text then
      redis.call('HSET', lookup.key, lookup.id, lookup.version_text .. ' ' .. lookup.json)
    end
  end
  for _, part in ipairs(changes.parts) do
    local key = changes.prefix .. 'parts:' .. part.document
    if part.json then
      redis.call('HSET', key, part.field, part.json)
    else
      redis.call('HDEL', key, part.field)
    end
  end
  for _, id in ipairs(changes.touched) do write_document(changes, id) end
end

-- KEYS positions
-- ARGV topic-partition, lease, previous offset ('' when none), next offset, lsn, view, then five per operation:
--      source (its place in the view, from 1), aggregate id, version, JSON ('' when deleted),
--      detail (of a root its trailer, of a part the id of the document it belongs to or '')
-- Returns {'APPLIED', taken, duplicates} | {'FENCED'} | {'GAP', stored offset} | {'VERSION_GAP', operation from 1, known version}
local function apply(keys, args)
  local lease, offset = position_parse(redis.call('HGET', keys[1], args[1]))
  if lease ~= args[2] then return { 'FENCED' } end
  if offset ~= args[3] then return { 'GAP', offset } end

  local view = cjson.decode(args[6])
  local sources = {}
  for _, source in ipairs(view.sources) do sources[source.number] = source end
  local changes = {
    view = view, sources = sources, prefix = string.sub(keys[1], 1, -#'positions' - 1),
    documents = {}, touched = {}, refs = {}, lookups = {}, parts = {},
  }
  fetch_roots(changes, args)
  local taken, duplicates = 0, 0
  for first = 7, #args, operation_length do
    local source = sources[args[first]]
    local verdict, known = judge_operation[source.role](
      changes, source, args[first + 1], args[first + 2], args[first + 3], args[first + 4])
    if verdict == 'gap' then
      local place = (first - 7) / operation_length + 1
      return { 'VERSION_GAP', string.format('%d', place), string.format('%.0f', known) }
    end
    if verdict == 'next' then taken = taken + 1 else duplicates = duplicates + 1 end
  end

  write(changes)
  redis.call('HSET', keys[1], args[1], lease .. ' ' .. args[4] .. ' ' .. args[5])
  return { 'APPLIED', tostring(taken), tostring(duplicates) }
end

-- reads ------------------------------------------------------------------------------------------------------

-- Lookups are joined here and not when they change: one customer may be in a million orders.
local function joined(prefix, document, lookups)
  local etag = document.tag
  local json, _, trailer = document_content(document)
  if not json or #lookups == 0 then return etag, json end
  local ids, members = cjson.decode(trailer)[1], {}
  for i, lookup in ipairs(lookups) do
    local raw = ids[i] ~= '' and redis.call('HGET', prefix .. 'lookup:' .. lookup.number, ids[i])
    local _, joined_json, version = versioned_parse(raw)
    members[i] = lookup.as .. ':' .. (joined_json ~= '' and joined_json or 'null')
    etag = etag .. '.' .. (version or '0')
  end
  return etag, join_members(json, members)
end

-- KEYS documents of one view; ARGV lookups. Returns per key {etag, json}, or false when there is no document.
local function read(keys, args)
  local lookups = cjson.decode(args[1])
  local answers = {}
  for i, key in ipairs(keys) do
    local raw = redis.call('GET', key)
    local etag, json
    if raw then etag, json = joined(string.match(key, '^%b{}:'), document_parse(key, raw), lookups) end
    answers[i] = json and { etag, json } or false
  end
  return answers
end

-- KEYS index; ARGV lookups, start (as ZRANGE … BYLEX wants it), most documents, most bytes.
-- Returns {documents' JSON joined by commas, the last member given when there are more, else ''}
local function list(keys, args)
  local lookups, limit, bytes_max = cjson.decode(args[1]), tonumber(args[3]), tonumber(args[4])
  local prefix = string.match(keys[1], '^%b{}:')
  local members = redis.call('ZRANGE', keys[1], args[2], '+', 'BYLEX', 'LIMIT', 0, limit + 1)
  local items, bytes, given = {}, 0, 0
  while given < math.min(limit, #members) and (given == 0 or bytes < bytes_max) do
    given = given + 1
    local id = string.match(members[given], '%z([^%z]*)$')
    local _, json = joined(prefix, document_parse('', redis.call('GET', prefix .. 'doc:' .. id)), lookups)
    items[given] = json
    bytes = bytes + #json
  end
  return { table.concat(items, ','), given < #members and members[given] or '' }
end

redis.register_function('cqrs_acquire_' .. suffix, acquire)
redis.register_function('cqrs_apply_' .. suffix, apply)
redis.register_function{ function_name = 'cqrs_read_' .. suffix, callback = read, flags = { 'no-writes' } }
redis.register_function{ function_name = 'cqrs_list_' .. suffix, callback = list, flags = { 'no-writes' } }
