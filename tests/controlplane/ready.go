package main

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// bringUp waits for kube-apiserver, starts the controllers, which run until
// controllersCtx ends, and returns once a pod's prerequisites are there.
func bringUp(ctx, controllersCtx context.Context, admin *rest.Config) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	cfg := rest.CopyConfig(admin)
	cfg.QPS = -1
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return err
	}
	if err := poll(ctx, "kube-apiserver", func() error {
		return client.RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	}); err != nil {
		return err
	}
	if err := startControllers(controllersCtx, admin); err != nil {
		return fmt.Errorf("controllers: %w", err)
	}
	// The last thing a new cluster gets, and the proof that a controller runs.
	return poll(ctx, "the default service account", func() error {
		_, err := client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}

func poll(ctx context.Context, what string, check func() error) error {
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready, still waiting for %s: %w", what, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
