"""What S3 stores.

Layout:
    ("aws", "aws-global")            s3.bucket    name -> Bucket; index account -> names
    (account, region, bucket id)     s3.object    key -> the current version of an object
                                     s3.version   (key, descending rank) -> versions that are not current
                                     s3.manifest  object id -> the pieces of a body made of several blobs
                                     s3.upload    (key, upload id) -> a multipart upload that is open
                                     s3.part      (upload id, number) -> one part of it
                                     s3.bucket_key  the key of the bucket, sealed
                                     s3.sequence  the number of the last event of the bucket

1. A bucket's name is global; everything in it lies under its own random id, so that deleting the bucket is
   one `delete_range`, and a new bucket of the same name sees nothing of the old one.
2. Objects are ordered by the UTF-8 bytes of their keys, which is S3's order. A key is a part of a store
   key and never a path.
3. A row of `s3.object` names its body's blob, or its manifest does; bodies are not in rows, so listing
   touches none. Every blob named by a row, a manifest or a part holds one reference for each naming.
4. `s3.object` holds current versions only, and each only while it is an object: so what is current is one read,
   and listing never passes over a version or a delete marker, however many there are.
5. `s3.version` holds all other versions, newest first. Where a key has no row in `s3.object`, its newest row here
   is a delete marker.
6. Ranks grow with every write of a key, whatever the clock does. Whatever was written before versioning was first
   put on a bucket has rank 0.
7. A key has at most one version with the id `null`, in either place; its `version_id` is "".
"""
