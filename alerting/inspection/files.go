package inspection

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What an answer and a round may carry.
const (
	MaxFiles      = 8        // of one answer
	MaxFileBytes  = 8 << 20  // each
	MaxReplyBytes = 16 << 20 // all of one answer
	maxRoundBytes = 64 << 20 // all of a round
	maxFileName   = 120      // characters
)

// Reply is what a person says of an item.
type Reply struct {
	Item    string
	Verdict Verdict
	Note    string
	// Files prove it: a bulletin, a scan report, a screenshot.
	Files []File
}

// File is what a person attaches.
type File struct {
	Name string `json:"name"`
	Body []byte `json:"content"`
}

// Attachment is a file that is kept. Its hash stands in the round's chain of
// events.
type Attachment struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Kept is an attachment with what it holds.
type Kept struct {
	Attachment
	Body []byte
}

// Attachment finds one of a round's by its ID.
func (r *Round) Attachment(id string) (Attachment, bool) {
	for _, o := range r.Outcomes {
		for _, a := range o.Files {
			if a.ID == id {
				return a, true
			}
		}
	}
	return Attachment{}, false
}

// attach makes files ones that can be kept with the next event of r, or refuses
// them. They come beside those that are there: what was said is not lost.
func (r *Round) attach(files []File) ([]Kept, error) {
	if len(files) > MaxFiles {
		return nil, &Refusal{"too_many_files", map[string]any{"max": MaxFiles}}
	}
	var out []Kept
	sum := 0
	for n, f := range files {
		name := fileName(f.Name)
		switch {
		case name == "":
			return nil, &Refusal{"file_unnamed", nil}
		case len(f.Body) == 0:
			return nil, &Refusal{"file_empty", map[string]any{"name": name}}
		case len(f.Body) > MaxFileBytes:
			return nil, &Refusal{"file_too_large", map[string]any{"name": name, "max": MaxFileBytes}}
		}
		sum += len(f.Body)
		hash := sha256.Sum256(f.Body)
		id := fmt.Sprintf("%s-f%d-%d", r.ID, r.Version+1, n+1)
		out = append(out, Kept{Attachment{id, name, len(f.Body), hex.EncodeToString(hash[:])}, f.Body})
	}
	have := 0
	for _, o := range r.Outcomes {
		for _, a := range o.Files {
			have += a.Bytes
		}
	}
	switch {
	case sum > MaxReplyBytes:
		return nil, &Refusal{"files_too_large", map[string]any{"max": MaxReplyBytes}}
	case have+sum > maxRoundBytes:
		return nil, &Refusal{"round_full", map[string]any{"max": maxRoundBytes}}
	}
	return out, nil
}

// fileName is a name without its folders and without what would write over the
// line around it; the end of a long one is kept, which says what it is.
func fileName(name string) string {
	name = path.Base("/" + strings.ReplaceAll(strings.ToValidUTF8(name, "�"), `\`, "/"))
	name = strings.TrimSpace(strings.Map(func(c rune) rune {
		if unicode.Is(unicode.C, c) {
			return -1
		}
		return c
	}, name))
	if strings.Trim(name, "./") == "" {
		return ""
	}
	if over := utf8.RuneCountInString(name) - maxFileName; over > 0 {
		name = string([]rune(name)[over:])
	}
	return name
}

// Attachment returns what a round keeps under id; ErrNotFound if it has none
// such.
func (o *Office) Attachment(ctx context.Context, round, id string) (Kept, error) {
	r, _, err := o.Get(ctx, round)
	if err != nil {
		return Kept{}, err
	}
	a, ok := r.Attachment(id)
	if !ok {
		return Kept{}, fmt.Errorf("attachment %s of round %s: %w", id, round, ErrNotFound)
	}
	body, err := o.opt.Store.Attachment(ctx, id)
	return Kept{a, body}, err
}
