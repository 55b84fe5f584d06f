int nobuild;
