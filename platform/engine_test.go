package platform_test

func stopEngine() {}
