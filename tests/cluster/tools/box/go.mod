module steelyard.dev/tools/box

go 1.26.0
