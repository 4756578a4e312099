package store

import (
	"log/slog"
	"os"
	"path/filepath"
)

// ballast is a file that takes up room in the data folder, to be given back
// when the disk is full: so that the incident which a full disk is can still
// be committed.
type ballast struct{ path string }

// ballastSize in bytes: room for some ten thousand events.
const ballastSize = 16 << 20

func newBallast(dir string) ballast { return ballast{filepath.Join(dir, "ballast")} }

// fill makes the ballast where there is none. A disk without room for it is
// not an error here: that is what checks are for.
func (b ballast) fill(log *slog.Logger) {
	if fi, err := os.Stat(b.path); err == nil && fi.Size() == ballastSize {
		return
	}
	// Written, not seeked: a hole would take no room.
	block := make([]byte, 1<<20)
	f, err := os.OpenFile(b.path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err == nil {
		for range ballastSize / len(block) {
			if _, err = f.Write(block); err != nil {
				break
			}
		}
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}
	if err != nil {
		log.Warn("no room for the ballast file", "file", b.path, "err", err)
		os.Remove(b.path)
	}
}

// drop gives the room back and reports whether there was any.
func (b ballast) drop() bool { return os.Remove(b.path) == nil }
