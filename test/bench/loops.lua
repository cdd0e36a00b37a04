-- The loops of bench_vm.c, as a Lua programmer would write them: name and ns a round, best of 100.
local ROUNDS <const> = 30000

local function helper(x)
    return x + 1
end

local loops = {
    { "arithmetic", function(x)
        local sum = 0
        local i = 0
        repeat
            sum = sum + x
            i = i + 1
        until i >= ROUNDS
        return sum
    end },
    { "array", function(x)
        local a = {}
        for i = 1, 256 do a[i] = 0 end
        local sum = 0
        local i = 0
        repeat
            sum = sum + a[x]
            i = i + 1
        until i >= ROUNDS
        return sum
    end },
    { "field", function(x)
        local o = { f = 3 }
        local sum = 0
        local i = 0
        repeat
            sum = sum + o.f
            i = i + 1
        until i >= ROUNDS
        return sum
    end },
    { "call", function(x)
        local sum = 0
        local i = 0
        repeat
            sum = helper(sum)
            i = i + 1
        until i >= ROUNDS
        return sum
    end },
}

for _, loop in ipairs(loops) do
    local best = math.huge
    for _ = 1, 100 do
        local start = os.clock()
        loop[2](3)
        best = math.min(best, os.clock() - start)
    end
    print(loop[1], string.format("%.2f", best * 1e9 / ROUNDS))
end
