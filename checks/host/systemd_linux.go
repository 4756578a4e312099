package host

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/godbus/dbus/v5"
)

// systemBus is where systemd is asked, as anybody may. Its own socket, which
// root may use, is left alone: systemd loses a question that arrives there in
// one piece with the end of the greeting.
const systemBus = "/run/dbus/system_bus_socket"

const managerInterface = "org.freedesktop.systemd1.Manager"

// systemd asks over D-Bus, which costs a fraction of starting systemctl. The
// connection lives for one look: a bus that is started anew is not noticed
// otherwise.
type systemd struct {
	bus string
	// kinds keeps the types of services, which are a question each.
	kinds map[string]string
}

// listed is a unit as ListUnits tells it.
type listed struct {
	Name, Description, Load, Active, Sub, Following string
	Path                                            dbus.ObjectPath
	Job                                             uint32
	JobType                                         string
	JobPath                                         dbus.ObjectPath
}

func (s *systemd) units(ctx context.Context, shown func(string) bool) ([]unit, string, error) {
	conn, err := dial(ctx, s.bus)
	if err != nil {
		return nil, "", fmt.Errorf("connect to systemd: %w", err)
	}
	defer conn.Close()
	object := conn.Object("org.freedesktop.systemd1", "/org/freedesktop/systemd1")
	var all []listed
	if err := object.CallWithContext(ctx, managerInterface+".ListUnits", 0).Store(&all); err != nil {
		return nil, "", fmt.Errorf("list units: %w", err)
	}
	state, err := property(ctx, object, managerInterface, "SystemState")
	if err != nil {
		return nil, "", err
	}
	list := make([]unit, 0, len(all))
	kinds := make(map[string]string, len(s.kinds))
	for _, l := range all {
		u := unit{name: l.Name, description: l.Description, load: l.Load, active: l.Active, sub: l.Sub}
		if strings.HasSuffix(u.name, ".service") && u.load == "loaded" && shown(u.name) {
			u.kind = s.kind(ctx, conn, l)
			kinds[u.name] = u.kind
		}
		list = append(list, u)
	}
	s.kinds = kinds // without the units that are gone
	return list, state, ctx.Err()
}

// kind returns the type of a service; empty if systemd does not tell.
func (s *systemd) kind(ctx context.Context, conn *dbus.Conn, l listed) string {
	if kind, ok := s.kinds[l.Name]; ok {
		return kind
	}
	object := conn.Object("org.freedesktop.systemd1", l.Path)
	kind, err := property(ctx, object, "org.freedesktop.systemd1.Service", "Type")
	if err != nil {
		return ""
	}
	return kind
}

func property(ctx context.Context, object dbus.BusObject, iface, name string) (string, error) {
	var v string
	err := object.CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, iface, name).Store(&v)
	if err != nil {
		return "", fmt.Errorf("ask systemd for %s: %w", name, err)
	}
	return v, nil
}

// dial opens a bus and says who we are. The deadline of ctx holds for the
// greeting too, which godbus would wait for without end.
func dial(ctx context.Context, path string) (*dbus.Conn, error) {
	var d net.Dialer
	stream, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		if err := stream.SetDeadline(deadline); err != nil {
			stream.Close()
			return nil, err
		}
	}
	conn, err := dbus.NewConn(stream, dbus.WithContext(ctx))
	if err != nil {
		stream.Close()
		return nil, err
	}
	uid := fmt.Sprint(os.Getuid())
	if err = conn.Auth([]dbus.Auth{dbus.AuthExternal(uid)}); err == nil {
		err = conn.Hello()
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}
