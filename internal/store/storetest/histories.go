package storetest

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

// histories are checked for linearizability: whatever many callers see of a code and of the family that it buys must be explained
// by some order of their calls that respects who returned before who began.
var histories = []test{
	{"codes and refresh tokens", func(f *fixture) {
		grant := f.grantOnce()
		for round := range 3 {
			check(f, f.history(uint64(round), grant))
		}
	}},
	{"the checker sees a code that is spent twice", func(f *fixture) {
		twice := []porcupine.Operation{
			{Input: act{do: redeem}, Output: outcome{ok: true}, Call: 1, Return: 2},
			{Input: act{do: redeem}, Output: outcome{ok: true}, Call: 3, Return: 4},
		}
		equal(f, "linearizable", porcupine.CheckOperations(model, twice), false)
	}},
	{"the checker sees a read that lags", func(f *fixture) {
		lagging := []porcupine.Operation{
			{Input: act{do: redeem}, Output: outcome{ok: true}, Call: 1, Return: 2},
			{Input: act{do: read}, Output: outcome{}, Call: 3, Return: 4},
		}
		equal(f, "linearizable", porcupine.CheckOperations(model, lagging), false)
	}},
}

// What a caller can do, and what it got.
const (
	redeem = iota
	rotate
	end
	read
)

type act struct {
	do         int
	code       string
	generation int64
}

type outcome struct {
	ok         bool
	generation int64
	ended      bool
}

// life is what the model knows of one code: the generation of its family, 0 before it is redeemed.
type life struct {
	generation int64
	ended      bool
}

var model = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byCode := map[string][]porcupine.Operation{}
		for _, operation := range history {
			code := operation.Input.(act).code
			byCode[code] = append(byCode[code], operation)
		}
		var parts [][]porcupine.Operation
		for _, part := range byCode {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return life{} },
	Step: func(state, input, output any) (bool, any) {
		was, asked, got := state.(life), input.(act), output.(outcome)
		next, want := was, outcome{}
		switch asked.do {
		case redeem:
			if want.ok = was.generation == 0; want.ok {
				next.generation = 1
			}
		case rotate:
			if want.ok = was.generation == asked.generation && !was.ended; want.ok {
				next.generation++
			}
		case end:
			if want.ok = was.generation > 0 && !was.ended; want.ok {
				next.ended = true
			}
		case read:
			want = outcome{ok: was.generation > 0, generation: was.generation, ended: was.ended}
		}
		return got == want, next
	},
}

func check(f *fixture, history []porcupine.Operation) {
	f.t.Helper()
	if result := porcupine.CheckOperationsTimeout(model, history, 30*time.Second); result != porcupine.Ok {
		f.t.Errorf("the history of %d calls is %s", len(history), result)
	}
}

// history lets callers do things at random to a few codes and writes down what they saw.
func (f *fixture) history(seed uint64, grant store.Grant) (all []porcupine.Operation) {
	const callers, calls, codeCount = 16, 25, 6
	var codes []store.Code
	for i := range codeCount {
		codes = append(codes, f.code(grant, numbered(numbered("history", int(seed)), i)))
	}
	began := time.Now()
	var mu sync.Mutex
	var running sync.WaitGroup
	for caller := range callers {
		running.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(caller)))
			for range calls {
				code := codes[random.IntN(codeCount)]
				asked := act{do: []int{redeem, rotate, rotate, rotate, read, read, end}[random.IntN(7)], code: code.FamilyID, generation: 1 + random.Int64N(4)}
				if asked.do == end && random.IntN(4) > 0 {
					asked.do = read // an end stops the fun
				}
				called := time.Since(began)
				got := f.perform(asked, code)
				returned := time.Since(began)
				mu.Lock()
				all = append(all, porcupine.Operation{ClientId: caller, Input: asked, Output: got, Call: int64(called), Return: int64(returned)})
				mu.Unlock()
			}
		})
	}
	running.Wait()
	return all
}

func (f *fixture) perform(asked act, code store.Code) (got outcome) {
	var err error
	switch asked.do {
	case redeem:
		err = f.try(func(tx *store.Tx) error { return tx.RedeemCode(code.Hash, f.familyOf(code)) })
	case rotate:
		err = f.rotate(code.FamilyID, asked.generation)
	case end:
		err = f.try(func(tx *store.Tx) error { return tx.RevokeFamily(acme, code.FamilyID, oauth.ReasonReused) })
	case read:
		var family store.Family
		family, err = f.s.Family(f.ctx(), acme, code.FamilyID)
		got.generation, got.ended = family.Generation, !family.RevokedAt.Never()
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		f.t.Errorf("%+v: %v", asked, err)
	}
	got.ok = err == nil
	return got
}
