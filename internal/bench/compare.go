package bench

import (
	"fmt"
	"strings"
)

// Change is what became of a line since an earlier report. Shares of the machine's limit are compared, so the two may come from
// different machines.
type Change struct {
	Name        string `json:"name"`
	Connections int    `json:"connections"`
	// Was and Is are shares of net/http; Ratio is Is over Was.
	Was   float64 `json:"was"`
	Is    float64 `json:"is"`
	Ratio float64 `json:"ratio"`
	// Commits is the same ratio of shares of durable commits, absent where either report has none.
	Commits float64 `json:"commits_ratio,omitempty"`
	Worse   bool    `json:"worse,omitempty"`
}

// worseBelow: two runs on one machine differ by less than a tenth, when nothing else runs there.
const worseBelow = 0.9

// Compare fills in what changed since an earlier report, and returns how many lines got worse by more than a tenth.
func (r *Report) Compare(old *Report) (worse int) {
	for _, l := range r.Lines {
		before := old.line(l.Name, l.Connections)
		if before == nil {
			continue
		}
		change := Change{
			Name: l.Name, Connections: l.Connections, Was: before.ShareHTTP, Is: l.ShareHTTP, Ratio: ratio(l.ShareHTTP, before.ShareHTTP),
		}
		if l.CommitRows == before.CommitRows {
			change.Commits = ratio(l.ShareCommits, before.ShareCommits)
		}
		if change.Worse = change.Ratio < worseBelow; change.Worse {
			worse++
		}
		r.Changes = append(r.Changes, change)
	}
	return worse
}

func (r *Report) changes(text *strings.Builder) {
	if len(r.Changes) == 0 {
		return
	}
	rows := []string{"since the earlier report\tconnections\twas of http\tis of http\tratio\tof commits\t"}
	for _, c := range r.Changes {
		commits, mark := "", ""
		if c.Commits > 0 {
			commits = fmt.Sprintf("%.2f", c.Commits)
		}
		if c.Worse {
			mark = "worse"
		}
		rows = append(rows, fmt.Sprintf("%s\t%d\t%.3f\t%.3f\t%.2f\t%s\t%s", c.Name, c.Connections, c.Was, c.Is, c.Ratio, commits, mark))
	}
	text.WriteByte('\n')
	align(text, rows)
}
