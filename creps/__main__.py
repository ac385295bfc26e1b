from creps.cli import main
raise SystemExit(main())
