package yamlfile

// Nearest is the candidate that a misspelt name most likely means, or "" when none is close.
func Nearest(name string, candidates []string) string {
	best, found := 1+len(name)/3, ""
	for _, candidate := range candidates {
		if d := distance(name, candidate); d <= best {
			best, found = d-1, candidate
		}
	}
	return found
}

// distance counts the letters to insert, delete or change between a and b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
