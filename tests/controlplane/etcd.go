package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/server/v3/embed"
)

type etcdServer struct {
	*embed.Etcd
	endpoint string
	dir      *os.File
}

// startEtcd serves one etcd member on unix sockets in its data directory: no
// port to collide on, and nobody else can read what it holds.
func startEtcd(dir string) (*etcdServer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	// The path of a socket may have 107 bytes. Through a file descriptor of
	// the directory it is short, and all who connect are in this process.
	at := fmt.Sprintf("/proc/self/fd/%d/", d.Fd())
	client := url.URL{Scheme: "unix", Path: at + "client.sock"}
	peer := url.URL{Scheme: "unix", Path: at + "peer.sock"}
	// A label, compared with the stored one at each start. Nothing listens there.
	advertise := url.URL{Scheme: "http", Host: "127.0.0.1:2380"}

	cfg := embed.NewConfig()
	cfg.Name = "controlplane"
	cfg.Dir = dir
	// Data must outlive a killed process, which the page cache does; only a
	// power loss would need fsync.
	cfg.UnsafeNoFsync = true
	cfg.ListenClientUrls = []url.URL{client}
	cfg.AdvertiseClientUrls = []url.URL{client}
	cfg.ListenPeerUrls = []url.URL{peer}
	cfg.AdvertisePeerUrls = []url.URL{advertise}
	cfg.InitialCluster = cfg.Name + "=" + advertise.String()
	// A single member elects itself after one timeout: the shortest starts first.
	cfg.TickMs, cfg.ElectionMs = 10, 100
	cfg.EnableGRPCGateway = false
	cfg.LogLevel = "error"
	cfg.LogOutputs = []string{"stderr"}

	e, err := embed.StartEtcd(cfg)
	if err != nil {
		d.Close()
		return nil, err
	}
	s := &etcdServer{Etcd: e, endpoint: client.String(), dir: d}
	select {
	case <-e.Server.ReadyNotify():
		return s, nil
	case err = <-e.Err():
	case <-time.After(time.Minute):
		err = errors.New("not ready after a minute")
	}
	s.stop()
	return nil, err
}

// stop waits for a clean end, but not for clients that keep their connection.
func (s *etcdServer) stop() {
	done := make(chan struct{})
	go func() {
		s.Close()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(2 * time.Second):
	}
	s.dir.Close()
}

// compact drops the history of all keys.
func (s *etcdServer) compact() (revision int64, err error) {
	revision = s.Server.KV().Rev()
	_, err = s.Server.Compact(context.Background(), &pb.CompactionRequest{Revision: revision, Physical: true})
	return revision, err
}
