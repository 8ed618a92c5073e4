// The package brings no types for its module.
declare module "swagger-ui-dist/swagger-ui-es-bundle" {
  export default function SwaggerUI(options: Record<string, unknown>): unknown;
}
