package main

import (
	"context"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/wait"
	cacheddiscovery "k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/controller-manager/pkg/informerfactory"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/certificates/rootcacertpublisher"
	"k8s.io/kubernetes/pkg/controller/clusterroleaggregation"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
	"k8s.io/kubernetes/pkg/controller/namespace"
	"k8s.io/kubernetes/pkg/controller/serviceaccount"
)

const (
	// gcSync is how often the garbage collector looks for new kinds of objects
	// (kube-controller-manager: 30 s). Until then it does not see the objects
	// of a new CustomResourceDefinition.
	gcSync = 2 * time.Second
	resync = 12 * time.Hour
)

// startControllers starts controllers of kube-controller-manager until ctx
// ends. They are imported one by one: its command would double the program.
func startControllers(ctx context.Context, admin *rest.Config) error {
	informers, err := newSharedInformers(admin)
	if err != nil {
		return err
	}
	typed := informers.typed
	started := make(chan struct{})

	gc, err := newClients(admin, "generic-garbage-collector")
	if err != nil {
		return err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(cacheddiscovery.NewMemCacheClient(gc.Discovery()))
	garbageCollector, err := garbagecollector.NewGarbageCollector(ctx, gc, gc.metadata, mapper,
		garbagecollector.DefaultIgnoredResources(), informerfactory.NewInformerFactory(typed, informers.metadata), started)
	if err != nil {
		return err
	}

	ns, err := newClients(admin, "namespace-controller")
	if err != nil {
		return err
	}
	namespaces := namespace.NewNamespaceController(ctx, ns, ns.metadata, ns.Discovery().ServerPreferredNamespacedResources,
		typed.Core().V1().Namespaces(), 5*time.Minute, v1.FinalizerKubernetes)

	// The service account "default" of each namespace.
	sa, err := newClients(admin, "service-account-controller")
	if err != nil {
		return err
	}
	serviceAccounts, err := serviceaccount.NewServiceAccountsController(klog.FromContext(ctx), typed.Core().V1().ServiceAccounts(),
		typed.Core().V1().Namespaces(), sa, serviceaccount.DefaultServiceAccountsControllerOptions())
	if err != nil {
		return err
	}

	// The ConfigMap kube-root-ca.crt of each namespace.
	ca, err := newClients(admin, "root-ca-cert-publisher")
	if err != nil {
		return err
	}
	rootCAs, err := rootcacertpublisher.NewPublisher(typed.Core().V1().ConfigMaps(), typed.Core().V1().Namespaces(), ca, admin.TLSClientConfig.CAData)
	if err != nil {
		return err
	}

	// ClusterRoles with an aggregationRule.
	roles, err := newClients(admin, "clusterrole-aggregation-controller")
	if err != nil {
		return err
	}
	aggregation := clusterroleaggregation.NewClusterRoleAggregation(typed.Rbac().V1().ClusterRoles(), roles.RbacV1())

	go wait.UntilWithContext(ctx, func(context.Context) { mapper.Reset() }, 30*time.Second)
	go garbageCollector.Run(ctx, 20, 30*time.Second)
	go garbageCollector.Sync(ctx, gc.Discovery(), gcSync)
	go namespaces.Run(ctx, 10)
	go serviceAccounts.Run(ctx, 1)
	go rootCAs.Run(ctx, 1)
	go aggregation.Run(ctx, 5)
	typed.Start(ctx.Done())
	informers.metadata.Start(ctx.Done())
	close(started)
	return nil
}

type clients struct {
	*kubernetes.Clientset
	metadata metadata.Interface
}

// newClients gives a controller the identity, and so the RBAC rights, that it
// has in kube-controller-manager.
func newClients(admin *rest.Config, controller string) (*clients, error) {
	cfg := rest.AddUserAgent(rest.CopyConfig(admin), controller)
	cfg.QPS = -1
	cfg.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:kube-system:" + controller,
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"},
	}
	return clientsFor(cfg)
}

func clientsFor(cfg *rest.Config) (*clients, error) {
	typed, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, err
	}
	metadata, err := metadata.NewForConfig(cfg)
	if err != nil {
		return nil, err
	}
	return &clients{typed, metadata}, nil
}

// sharedInformers hold what all controllers read, once.
type sharedInformers struct {
	typed    informers.SharedInformerFactory
	metadata metadatainformer.SharedInformerFactory
}

func newSharedInformers(admin *rest.Config) (*sharedInformers, error) {
	cfg := rest.AddUserAgent(rest.CopyConfig(admin), "shared-informers")
	cfg.QPS = -1
	c, err := clientsFor(cfg)
	if err != nil {
		return nil, err
	}
	withoutManagedFields := func(object any) (any, error) {
		if accessor, err := meta.Accessor(object); err == nil {
			accessor.SetManagedFields(nil)
		}
		return object, nil
	}
	return &sharedInformers{
		typed:    informers.NewSharedInformerFactoryWithOptions(c, resync, informers.WithTransform(withoutManagedFields)),
		metadata: metadatainformer.NewSharedInformerFactoryWithOptions(c.metadata, resync, metadatainformer.WithTransform(withoutManagedFields)),
	}, nil
}
