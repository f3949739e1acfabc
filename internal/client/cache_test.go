package client

import (
	"strconv"
	"testing"
)

func TestTheCacheIsBoundedAndKeepsWhatIsUsed(t *testing.T) {
	c := newCache[int](100)
	c.put("used", 1, c.now())
	for i := range 10_000 {
		c.put(strconv.Itoa(i), i, c.now())
		if _, ok := c.get("used"); !ok {
			t.Fatalf("what is used all the time went after %d others", i)
		}
		if len(c.young)+len(c.old) > 100 {
			t.Fatalf("%d entries", len(c.young)+len(c.old))
		}
	}
	if _, ok := c.get("1"); ok {
		t.Error("what was never used again is still there")
	}
}

func TestWhatWasReadBeforeADropIsNotKept(t *testing.T) {
	c := newCache[int](10)
	epoch := c.now()
	c.drop()
	c.put("stale", 1, epoch)
	if _, ok := c.get("stale"); ok {
		t.Error("a value from before the drop was kept")
	}
	c.put("fresh", 1, c.now())
	c.drop()
	if _, ok := c.get("fresh"); ok {
		t.Error("a drop dropped nothing")
	}
}
