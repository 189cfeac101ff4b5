"""Other people's files, one reader each: images, label maps, COCO, Cellpose, tables; knows no data set."""
