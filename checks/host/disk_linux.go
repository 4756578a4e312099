package host

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strconv"
)

// diskReader reads /proc/diskstats, and once for each device what udev wrote
// of it.
type diskReader struct {
	reader
	diskstats, udev string
	// names keeps the device names, so that they are not made each time.
	names map[string]string
}

func newDiskReader(cfg Config) *diskReader {
	return &diskReader{
		diskstats: cfg.Procfs + "/diskstats",
		udev:      filepath.Join(cfg.Rootfs, "run/udev/data"),
		names:     map[string]string{},
	}
}

func (r *diskReader) read(list []disk) ([]disk, error) {
	b, err := r.all(r.diskstats)
	if err != nil {
		return list, err
	}
	for line := []byte(nil); len(b) > 0; {
		line, b = cutLine(b)
		if len(line) == 0 {
			continue
		}
		d, ok := r.parse(line)
		if !ok {
			return list, fmt.Errorf("parse %s: %q is not a device", r.diskstats, line)
		}
		list = append(list, d)
	}
	return list, nil
}

// parse reads a line such as "254 0 vda 68814 12369 3327026 …".
func (r *diskReader) parse(line []byte) (d disk, ok bool) {
	var ids [2]uint64
	for i := range ids {
		var f []byte
		f, line = cutField(line)
		if ids[i], ok = number(f); !ok {
			return d, false
		}
	}
	name, line := cutField(line)
	d.name, d.major, d.minor = r.intern(name), ids[0], ids[1]
	var n [diskFigures]uint64
	d.count = numbers(line, n[:])
	for i, v := range n {
		d.figures[i] = float64(v) * diskColumns[i].unit
	}
	return d, d.count > diskWeighted
}

func (r *diskReader) intern(name []byte) string {
	s, ok := r.names[string(name)]
	if !ok {
		s = string(name)
		r.names[s] = s
	}
	return s
}

// describe returns the label values of node_disk_info from udev's database.
// What udev does not know is empty.
func (r *diskReader) describe(d disk) []string {
	major, minor := strconv.FormatUint(d.major, 10), strconv.FormatUint(d.minor, 10)
	known := map[string]string{}
	var own reader // the device list is still in the other one
	b, _ := own.all(r.udev + "/b" + major + ":" + minor)
	for line := []byte(nil); len(b) > 0; {
		line, b = cutLine(b)
		if prop, ok := bytes.CutPrefix(line, []byte("E:")); ok {
			key, value, _ := bytes.Cut(prop, []byte("="))
			known[string(key)] = string(value)
		}
	}
	serial := known["SCSI_IDENT_SERIAL"] // what is printed on the disk
	if serial == "" {
		serial = known["ID_SERIAL_SHORT"]
	}
	return []string{d.name, major, minor, known["ID_PATH"], known["ID_WWN"], known["ID_MODEL"], serial, known["ID_REVISION"]}
}
