package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/socket"
)

// An instance is in the routes while its door is open: from its first good answer to
// the end of its process, which shuts it in the moment in which the agent learns of it.

// lostPorts is how often an instance moves to another port at once, and how long the
// node tells of it.
const (
	lostPorts = 3
	lostKept  = 10 * time.Minute
)

func (i *instance) port() int { return int(i.at.Load()) }

// door is the name of the instance in the routes, whatever its port and whichever
// deployment it is of now.
func (i *instance) door() string { return i.of().door(i.id) }

func (d *deployment) door(instance string) string {
	return d.Service + "." + d.Environment + "." + d.home() + "." + instance
}

// open lets requests to the instance at a port, unless its process has ended or is
// being ended.
func (i *instance) open(port int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.place.node.edge.Opens(i.door(), port) {
		return
	}
	if !i.web || port != i.port() || port == i.closed || i.state == slipway.InstanceDraining || i.state == slipway.InstanceStopped || i.ctx.Err() != nil {
		return
	}
	i.place.node.edge.OpenDoor(i.door(), port, i.id)
	go i.learnKept(port)
}

// shut takes the instance at a port out of the routes; there it never comes back.
func (i *instance) shut(port int) {
	if !i.web {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if port == i.port() {
		i.closed = port
	}
	i.place.node.edge.CloseDoor(i.door(), port)
}

// leave is the instance's end. One that is let go keeps its door and what is asked there:
// its process goes on.
func (i *instance) leave() {
	if errors.Is(context.Cause(i.ctx), errLetGo) {
		return
	}
	i.shut(i.port())
	p := i.place
	p.node.tenants.CompareAndDelete(i.port(), i)
	p.mu.Lock()
	d := p.state.kept(i.of().home())
	noted := d != nil && d.Ports[i.id] == i.port()
	p.mu.Unlock()
	if !noted { // else it is freed with the deployment
		p.node.free(i.port())
	}
}

// move gives the next process a port that none has had before it. Whoever waits for
// the former one to be free waits in vain.
func (i *instance) move() error {
	if i.worn {
		port, err := i.place.node.port()
		if err != nil {
			return err
		}
		i.place.node.tenants.CompareAndDelete(i.port(), i)
		i.mu.Lock()
		i.at.Store(int64(port))
		i.closed, i.by = 0, ""
		select {
		case <-i.taken:
		default:
		}
		i.mu.Unlock()
		i.worn = false
	}
	if i.web {
		i.place.node.tenants.Store(i.port(), i)
	}
	return nil
}

// whether adds to how a process ended that somebody else has its port, if so: it
// could not listen there. lost says that it is started at another one at once.
func (i *instance) whether(why string) (words string, lost bool) {
	if !i.web {
		return why, false
	}
	i.mu.Lock()
	by := i.by // the process was ended for it
	i.mu.Unlock()
	if by == "" {
		inodes, err := socket.Listening(i.port())
		if err != nil || len(inodes) == 0 {
			return why, false
		}
		by = fmt.Sprintf("%s listens at port %d, which was that of %s", i.place.node.stranger(inodes[0]), i.port(), i.id)
		i.tell(by)
	}
	if !strings.Contains(why, by) {
		why += "; " + by
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.lost++; i.lost <= lostPorts {
		return why, true
	}
	i.startErr = slipway.Errorf(slipway.Unavailable, "%s: look at that process, then promote again", by)
	return why, false
}

// displace takes an instance out of the routes at whose port somebody else listens,
// and has it started anew at another.
func (i *instance) displace(port int, by *takenError) {
	i.shut(port)
	if i.port() != port {
		return
	}
	select {
	case i.taken <- by.words:
		i.tell(by.words)
	default: // it is told already
	}
}

// tell makes it known that somebody else listens at the instance's port.
func (i *instance) tell(words string) {
	p := i.place
	p.mu.Lock()
	p.lost, p.lostAt = words+"; "+i.id+" was started anew at another port", time.Now()
	p.mu.Unlock()
	p.node.o.Log.Error("another process listens at an instance's port", "service", p.service, "environment", p.environment, "instance", i.id, "reason", words)
}

// dial connects to the instance, and to nobody else.
func (i *instance) dial(ctx context.Context) (net.Conn, error) {
	port := i.port()
	conn, err := (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, err
	}
	return i.check(conn, port)
}

// check gives a connection back that has reached the instance. One that hasn't is
// closed, with nothing sent.
func (i *instance) check(conn net.Conn, port int) (net.Conn, error) {
	err := i.admits(conn)
	if err == nil {
		return conn, nil
	}
	_ = conn.Close()
	if by, ok := errors.AsType[*takenError](err); ok {
		i.displace(port, by)
	}
	return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: conn.RemoteAddr(), Err: err}
}

// checked checks a connection that the edge has made.
func (n *Node) checked(conn net.Conn) (net.Conn, error) {
	if at, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		if i, there := n.tenants.Load(at.Port); there {
			return i.(*instance).check(conn, at.Port)
		}
	}
	_ = conn.Close()
	return nil, errors.New("no instance has this port")
}
