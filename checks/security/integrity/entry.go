package integrity

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"time"
)

// Entry is one file as it was found.
type Entry struct {
	// Mode are type, permissions, setuid, setgid and sticky bits.
	Mode fs.FileMode `json:"m"`
	UID  int         `json:"u"`
	GID  int         `json:"g"`
	Size int64       `json:"s"`
	// Hash is the SHA-256 of the content, of a link's target; empty for folders
	// and what cannot be read.
	Hash string `json:"h,omitempty"`
	// Attrs are the extended attributes that give rights (capabilities, ACLs),
	// as text.
	Attrs string `json:"x,omitempty"`
	// Shell names the webshell construct in it.
	Shell string `json:"w,omitempty"`
	// Unread says why the content could not be read.
	Unread string `json:"e,omitempty"`

	Modified int64  `json:"t"`           // Unix nanoseconds
	Changed  int64  `json:"c,omitempty"` // of the inode, Unix nanoseconds
	Inode    uint64 `json:"i,omitempty"`
	Hashed   int64  `json:"d,omitempty"` // when it was hashed, Unix seconds
}

// sameStat reports whether nothing points at another content: then the hash of
// before still holds, until it is too old.
func (e *Entry) sameStat(o *Entry) bool {
	return e.Mode == o.Mode && e.Size == o.Size && e.Modified == o.Modified && e.Changed == o.Changed && e.Inode == o.Inode && e.UID == o.UID && e.GID == o.GID
}

// What of a file changed.
const (
	added    = "added"
	removed  = "removed"
	content  = "content"
	rights   = "rights"
	owner    = "owner"
	attrs    = "attributes"
	replaced = "type"
)

// compare says what differs between the approved and the present state; either
// may be nil. Times alone are no difference.
func compare(base, now *Entry) []string {
	switch {
	case base == nil && now == nil:
		return nil
	case base == nil:
		return []string{added}
	case now == nil:
		return []string{removed}
	}
	var out []string
	if base.Mode.Type() != now.Mode.Type() {
		return []string{replaced}
	}
	if base.Hash != now.Hash && now.Unread == "" || !now.Mode.IsDir() && base.Hash == "" && base.Size != now.Size {
		out = append(out, content)
	}
	if base.Mode != now.Mode {
		out = append(out, rights)
	}
	if base.UID != now.UID || base.GID != now.GID {
		out = append(out, owner)
	}
	if base.Attrs != now.Attrs {
		out = append(out, attrs)
	}
	return out
}

// id names one change as somebody saw it: it is another as soon as the file
// changes again, so that nobody approves what they have not seen.
func id(path string, base, now *Entry) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q", path)
	for _, e := range []*Entry{base, now} {
		if e == nil {
			fmt.Fprint(h, " -")
			continue
		}
		fmt.Fprintf(h, " %d %d %d %d %s %q", e.Mode, e.UID, e.GID, e.Size, e.Hash, e.Attrs)
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

func (e *Entry) modified() time.Time { return time.Unix(0, e.Modified) }
