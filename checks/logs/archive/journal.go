package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// journal holds the unfinished block, uncompressed, so that lines are safe
// before there are enough of them to be worth compressing. It is a row of
// pieces: crc, length, Seq of the block's first line, offset in the block.
type journal struct {
	file  *os.File
	first uint64 // of the block that is in it
	kept  int    // how much of it
	size  int64
}

const (
	journalName = "unfinished"
	pieceHead   = 4 + 4 + 8 + 4
)

func openJournal(dir string) (*journal, error) {
	f, err := os.OpenFile(filepath.Join(dir, journalName), os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, err
	}
	return &journal{file: f}, nil
}

// keep writes what is new of a block. A block with another beginning takes the
// place of the one before, which must be in a segment and synced.
func (j *journal) keep(first uint64, raw []byte, room func(int) error) error {
	if first != j.first || j.kept > len(raw) {
		if j.size > 0 {
			if err := j.file.Truncate(0); err != nil {
				return err
			}
		}
		j.first, j.kept, j.size = first, 0, 0
	}
	if len(raw) == j.kept {
		return nil
	}
	if err := room(len(raw) - j.kept); err != nil {
		return err
	}
	piece := make([]byte, pieceHead, pieceHead+len(raw)-j.kept)
	piece = append(piece, raw[j.kept:]...)
	binary.LittleEndian.PutUint32(piece[4:], uint32(len(raw)-j.kept))
	binary.LittleEndian.PutUint64(piece[8:], first)
	binary.LittleEndian.PutUint32(piece[16:], uint32(j.kept))
	binary.LittleEndian.PutUint32(piece, crc32.Checksum(piece[4:], castagnoli))
	if _, err := j.file.WriteAt(piece, j.size); err != nil {
		return err
	}
	if err := j.file.Sync(); err != nil {
		return err
	}
	j.size += int64(len(piece))
	j.kept = len(raw)
	return nil
}

// replay returns the block that is in the journal, as far as it was written
// whole, and how much of the file that is; nil if there is none.
func replay(dir string) (first uint64, raw []byte, size int64, err error) {
	data, err := os.ReadFile(filepath.Join(dir, journalName))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil, 0, nil
	} else if err != nil {
		return 0, nil, 0, err
	}
	for len(data) >= pieceHead {
		n := int(binary.LittleEndian.Uint32(data[4:]))
		if n > len(data)-pieceHead || crc32.Checksum(data[4:pieceHead+n], castagnoli) != binary.LittleEndian.Uint32(data) {
			break
		}
		seq, at := binary.LittleEndian.Uint64(data[8:]), int(binary.LittleEndian.Uint32(data[16:]))
		if at != len(raw) || at > 0 && seq != first {
			break
		}
		first, raw = seq, append(raw, data[pieceHead:pieceHead+n]...)
		data = data[pieceHead+n:]
		size += int64(pieceHead + n)
	}
	return first, raw, size, nil
}

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, fs.ErrInvalid) && !errors.Is(err, io.EOF) && !ignoreDirSync(err) {
		return fmt.Errorf("sync folder %s: %w", dir, err)
	}
	return nil
}
